"""soundalike: a sound search engine that you own."""
