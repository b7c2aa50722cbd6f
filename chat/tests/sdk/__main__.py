"""Install the clients that the tests try."""

from chat.tests.sdk import install, install_python

install()
install_python()
