"""What several clients say of a server's certificate, case by case."""
