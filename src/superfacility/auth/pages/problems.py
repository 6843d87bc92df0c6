"""What a page shows instead when something goes wrong."""


class PageProblem(Exception):
    """Plain words for the person at the browser; `again` is the path of a link that begins again."""

    def __init__(
        self, title: str, text: str, status: int = 400, *, again: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(title)
        self.title = title
        self.text = text
        self.status = status
        self.again = again
        self.retry_after = retry_after
