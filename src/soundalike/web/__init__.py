"""The page: a local web server over one library, and the browser front end that it serves."""

from soundalike.web.app import create_app
from soundalike.web.server import serve

__all__ = ["create_app", "serve"]
