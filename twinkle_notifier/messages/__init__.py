"""What people read: the message, its parts, and the Markdown that a service can show."""
