"""How fast are procedural textures?"""
