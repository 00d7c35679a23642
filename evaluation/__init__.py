"""How good an agent is: frozen suites, interval estimates, paired comparison, pictures."""
