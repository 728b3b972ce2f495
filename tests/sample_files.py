"""Small files in the layouts of MovieLens, invented, for tests of parsers and archives."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping

from recsys_tutorial.datasets.movielens import GENRES_100K

RATINGS = [(2, 267, 3, 881250949), (1, 1, 5, 891717742), (2, 1412, 1, 878887116), (1, 7, 4, 0)]
USERS = [(1, 24, "M", "technician", "85711"), (2, 53, "F", "other", "T8H1N")]
ITEMS = [
    (1, "Toy Story (1995)", ("Animation", "Children's", "Comedy")),
    (7, "Été à Nîmes, Un (Summer (1990)) (1991)", ("Drama",)),
    (267, "unknown", ("unknown",)),
    (1412, "Land Before Time III (1995) (V)", ("Animation", "Children's")),
]
YEARS = [1995, 1991, None, 1995]


def ml100k_files() -> dict[str, bytes]:
    """u.data, u.item and u.user as GroupLens writes them: latin-1, stray trailing spaces."""
    items = []
    for item, title, genres in ITEMS:
        flags = "|".join(str(int(g in genres)) for g in GENRES_100K)
        items.append(f"{item}|{title} |01-Jan-1995||http://example.org/{item}|{flags}\n")
    return {
        "u.data": "".join("\t".join(map(str, row)) + "\n" for row in RATINGS).encode(),
        "u.item": "".join(items).encode("latin-1"),
        "u.user": "".join("|".join(map(str, row)) + "\n" for row in USERS).encode(),
    }


def recbole_files() -> dict[str, bytes]:
    """The same in RecBole's layout, with the damage that its conversion did to titles."""
    items = ["item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"]
    for item, title, genres in ITEMS:
        name, _, year = title.removesuffix(")").rpartition(" (")
        if title == "unknown":
            name = year = "unkonwn"
        items.append(f"{item}\t{name}\t{year}\t{' '.join(genres)}\n")
    ratings = ["user_id:token\titem_id:token\trating:float\ttimestamp:float\n"]
    ratings += ["\t".join(map(str, row)) + "\n" for row in RATINGS]
    users = ["user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n"]
    users += ["\t".join(map(str, row)) + "\n" for row in USERS]
    return {
        "ml-100k.inter": "".join(ratings).encode(),
        "ml-100k.item": "".join(items).encode(),
        "ml-100k.user": "".join(users).encode(),
    }


def csv_files() -> dict[str, bytes]:
    """ratings.csv and movies.csv of the later sets: CRLF, UTF-8, quoted commas and quotes."""
    ratings = ["userId,movieId,rating,timestamp", "1,1,4.0,964982703", "1,5,0.5,964982224"]
    ratings += ["2,1,3.5,1445714835"]
    movies = [
        "movieId,title,genres",
        "1,Toy Story (1995),Adventure|Animation",
        '5,"Cité des enfants, La (City, The) (1995) ",Comedy',
        '9,"""Great Performances"" Cats (1998)",Musical',
        "12,NA,(no genres listed)",
        "20,Death Note (2006–2007),Crime",
    ]
    return {
        "ratings.csv": "".join(line + "\r\n" for line in ratings).encode(),
        "movies.csv": "".join(line + "\r\n" for line in movies).encode(),
    }


def ml1m_files() -> dict[str, bytes]:
    """ratings.dat, users.dat and movies.dat of MovieLens-1M: `::`, latin-1, ids with gaps."""
    ratings = ["1::1193::5::978300760", "1::3952::3::978302109", "6040::91::1::956704887"]
    users = ["1::F::1::10::48067", "2::M::56::16::70072", "6040::M::25::6::11106-1234"]
    movies = [
        "1::Toy Story (1995)::Animation|Children's|Comedy",
        "91::Été: une saison, Un (1994)::Drama",
        "1193::One Flew Over the Cuckoo's Nest (1975)::Drama",
        "3952::Contender, The (2000)::Drama|Thriller",
    ]
    return {
        "ratings.dat": "".join(line + "\n" for line in ratings).encode(),
        "users.dat": "".join(line + "\n" for line in users).encode(),
        "movies.dat": "".join(line + "\n" for line in movies).encode("latin-1"),
    }


def zipped(folder: str, files: Mapping[str, bytes]) -> bytes:
    """A compressed zip with the files in one folder."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{folder}/{name}", content)
    return buffer.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
