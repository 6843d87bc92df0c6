"""Login for applications on the wire: authorization and consent, devices, what people have allowed, questions.

Pages are made with `auth.pages`; who is at the browser is asked there.
"""
