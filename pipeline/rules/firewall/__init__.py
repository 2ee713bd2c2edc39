"""Rules about packets: who gets in, from power-on to a factory reset."""
