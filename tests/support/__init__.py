"""What tests share: a clock to turn by hand, servers to start."""
