"""The ZeroMQ engine process: connections, jobs, workers, model store."""
