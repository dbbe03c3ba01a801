"""The area to which every page of membership belongs."""

from app.web.area import Area

area = Area("membership")
