"""Scripts that try the bus as a whole, with real servers, a real agent and a real correlator; `python -m tests.bus --help`."""
