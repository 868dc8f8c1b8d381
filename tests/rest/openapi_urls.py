"""The addresses of a host that has nothing but us."""

from django.urls import include, path

urlpatterns = [path("api/", include("django_chatkit.urls"))]
