"""What the client answers with: frozen dataclasses, made from the API's JSON. They know no connection.

Fields that a server sends beyond these are left alone; those that it leaves out are None or empty.
"""
