"""What the tests of every service use: real PostgreSQL, real Kafka, a mail sink, a browser."""
