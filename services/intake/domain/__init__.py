"""Pure rules of intake: no database, no web, no Kafka."""
