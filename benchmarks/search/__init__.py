"""How fast and how right is a search?"""
