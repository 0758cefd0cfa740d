"""What the faces share and none of them owns: cookies, headers, the current session, error pages, rate limits, logs.

No routes but health checks; nothing here knows the protocol or the pages.
"""
