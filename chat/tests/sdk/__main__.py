"""Install OpenAI's SDK for Node."""

from chat.tests.sdk import install

install()
