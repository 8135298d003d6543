"""The stub portal: log-in, pages, API, data with its change log, synchronisation, and who serves."""
