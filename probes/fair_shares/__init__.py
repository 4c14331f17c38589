"""Fair shares between venues: what one connection may cost, and how a connection that floods us is refused."""
