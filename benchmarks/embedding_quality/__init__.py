"""How good are embeddings, and how fast?"""
