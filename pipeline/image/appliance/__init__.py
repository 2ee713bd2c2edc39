"""The libguestfs appliance: started, spoken to, cleaned up after."""
