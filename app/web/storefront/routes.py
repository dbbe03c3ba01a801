"""The area to which every page of the storefront belongs."""

from app.web.area import Area

area = Area("storefront")
