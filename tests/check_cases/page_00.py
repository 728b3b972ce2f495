"""Answers to the checks of page 00."""

from check_cases import Case


def _title(page, position):
    return page.data.items["title"].iloc[position]


CASES = {
    "00.most_rated": Case(
        right=lambda page: _title(page, page.data.counts("item").argmax()),
        stub=lambda page: None,
        wrong=[
            lambda page: _title(page, page.data.counts("item").argmin()),
            lambda page: page.data.counts("item").max(),  # the number in place of the title
            lambda page: "A film that nobody made (1990)",
            lambda page: page.data.items["item"].iloc[page.data.counts("item").argmax()],
        ],
    ),
}
