"""Who acts: baselines, people and language models behind one `Agent` protocol."""
