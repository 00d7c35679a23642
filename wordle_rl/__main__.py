"""`python -m wordle_rl` is `wordle-rl`; launchers such as `accelerate launch -m` need it."""

from wordle_rl.cli import main

if __name__ == "__main__":
    main()
