"""The addresses of the smallest host."""

from django.urls import include, path

urlpatterns = [path("api/", include("django_chatkit.urls"))]
