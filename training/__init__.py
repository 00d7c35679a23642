"""How a policy learns: imitation, advantages, losses, and the loop that joins them."""
