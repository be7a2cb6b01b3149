"""What every service of Showcase shares: contracts, messaging, database, web, time and Thai text."""
