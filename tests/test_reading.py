"""How files are understood: dialect, encoding and columns, for what the common systems export."""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.importing import reading as readings
from daemon.importing.header import normalise
from daemon.importing.source import SourceError
from tests.files import (
    HEADER,
    book,
    books_of,
    checked_of,
    errors_of,
    isbn13,
    packed,
    reading_of,
    records_of,
    table,
    written,
)

BOOKS = [("Book 1", "Author 1", isbn13(1), 2001), ("Book 2", "Author 2", isbn13(2), 2001)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books.csv"


DIALECTS = {
    "comma": table(2),
    "semicolon": table(2, delimiter=";"),
    "tab": table(2, delimiter="\t"),
    "bar": table(2, delimiter="|"),
    "crlf": table(2, lineterminator="\r\n"),
    "cr": table(2, lineterminator="\r"),
    "all quoted": table(2, quoting=csv.QUOTE_ALL),
    "sep line": "sep=;\r\n" + table(2, delimiter=";"),
    "quoted sep line": '"sep=|"\n' + table(2, delimiter="|"),
    "preamble": "My library, exported 2026-11-24\nby Ann\n\n" + table(2),
    "preamble with a quote": 'Books of "Ann\n"\n' + table(2, delimiter=";"),
    "byte order mark": "\ufeff" + table(2),
    "capitals": table(2).replace("title,author,isbn", "TITLE,Author ,I.S.B.N."),
    "no line end": table(2).rstrip(),
    "blank lines": table(2).replace("\n", "\n\n"),
    "spaces": table(2, quoting=csv.QUOTE_ALL).replace(",", ", "),
    "no header": table(2).partition("\n")[2],
    "wrong sep line": "sep=;\n" + table(2),
    "commas at the ends of rows": table(2).replace("2001\n", "2001,\n"),
    "comma at the end of the header": table(2).replace("year\n", "year,\n"),
}


@pytest.mark.parametrize("name", DIALECTS)
def test_dialects(path: Path, name: str) -> None:
    assert books_of(path, DIALECTS[name]) == BOOKS
    assert books_of(path, DIALECTS[name].encode("utf-16")) == BOOKS


def test_rows_are_numbered_as_a_spreadsheet_numbers_them(path: Path) -> None:
    bad = table(1) + "x,y,z,\n"
    assert errors_of(path, bad)[0][0] == 3
    assert errors_of(path, "My library\n\n" + bad)[0][0] == 5
    assert reading_of(path, "My library\n\n" + bad).header_row == 3
    assert errors_of(path, "sep=,\n" + bad)[0][0] == 3  # spreadsheets do not show that line
    assert reading_of(path, "sep=,\n" + bad).header_row == 1


def test_lines_at_the_end_that_are_no_records_are_row_errors(path: Path) -> None:
    text = table(2) + "\n2 books in all\n"
    assert errors_of(path, text) == [(5, "Row has 1 fields, header has 4")]


def test_backslashes_before_quotes(path: Path) -> None:
    rows = [['The "real" one, and AC\\DC', "A", isbn13(1), ""], ["C:\\", "B", isbn13(2), ""]]
    text = written([HEADER, *rows], quoting=csv.QUOTE_ALL, escapechar="\\", doublequote=False)
    assert '\\"real\\"' in text
    reading = reading_of(path, text)
    assert reading.dialect.backslash
    assert any("not doubled" in reason for reason in reading.reasons)
    assert [found[0] for found in books_of(path, text)] == [row[0] for row in rows]


def test_a_backslash_at_the_end_of_a_field_is_no_escape(path: Path) -> None:
    rows = [["C:\\", "A", isbn13(number), ""] for number in range(1, 5)]
    text = written([HEADER, *rows], quoting=csv.QUOTE_ALL)
    assert not reading_of(path, text).dialect.backslash
    assert [found[0] for found in books_of(path, text)] == ["C:\\"] * 4


def test_commas_in_every_title_do_not_make_it_a_comma_file(path: Path) -> None:
    rows = [[f"One, two, three, {n}", "A, B", isbn13(n), "2001"] for n in range(1, 9)]
    text = written([HEADER, *rows], delimiter=";")
    reading = reading_of(path, text)
    assert reading.dialect.delimiter == ";"
    assert reading.reasons[1] == "semicolon: 8 of 8 records looked at have 4 fields, 8 an ISBN"
    assert "comma: no header with title, author and ISBN" in reading.reasons


def test_the_user_knows_better(path: Path) -> None:
    text = table(2, delimiter=";")
    assert reading_of(path, text, delimiter=";").dialect.delimiter == ";"
    with pytest.raises(SourceError, match="No column for"):
        reading_of(path, text, delimiter=",")
    assert books_of(
        path, "\u0428,\u042f,9780439023481,\n".encode("cp1251"), encoding="cp1251", columns=HEADER
    ) == [("\u0428", "\u042f", "9780439023481", None)]
    utf16 = table(2).encode("utf-16-be")
    assert books_of(path, b"\xfe\xff" + utf16, encoding="utf-16") == BOOKS


def test_a_stored_reading_is_the_same(path: Path) -> None:
    reading = reading_of(path, "sep=;\n\n" + table(2, delimiter=";"))
    assert readings.Reading.from_dict(reading.as_dict()) == reading


TEXTS = {
    "cp1252": "Père Goriot,Honoré de Balzac\nÜber die Größe,Heinrich Böll\n“Quoted” – dash’s,Zoë\n",
    "cp1250": "Ferdydurke,Witold Gombrowicz\nPożegnanie z Marią,Słowacki\nGęślą jaźń,Żółć\nŚwięty Ćwik,Łoś\n",
    "iso8859_2": "Pożegnanie z Marią,Słowacki\nGęślą jaźń,Żółć\nŚwięty Ćwik,Łoś\nOstatnie życzenie,Wańkowicz\n",
    "cp1251": "Война и мир,Лев Толстой\nПреступление и наказание,Фёдор Достоевский\n",
    "koi8_r": "Война и мир,Лев Толстой\nПреступление и наказание,Фёдор Достоевский\n",
    "cp1253": "Ζορμπάς,Νίκος Καζαντζάκης\nΤο Άξιον Εστί,Οδυσσέας Ελύτης\n",
    "cp1254": "İnce Memed,Yaşar Kemal\nAğrı Dağı Efsanesi,Yaşar Kemal\nSaatleri Ayarlama Enstitüsü,Tanpınar\n"
    "Kürk Mantolu Madonna,Sabahattin Ali\nŞu Çılgın Türkler,Turgut Özakman\n",
    "cp932": "吾輩は猫である,夏目漱石\nノルウェイの森,村上春樹\n",
    "euc_jp": "吾輩は猫である,夏目漱石\nノルウェイの森,村上春樹\n",
    "gb18030": "红楼梦,曹雪芹\n三体,刘慈欣\n围城,钱钟书\n",
    "big5": "紅樓夢,曹雪芹\n三國演義,羅貫中\n圍城,錢鍾書\n",
    "cp949": "채식주의자,한강\n엄마를 부탁해,신경숙\n",
}


@pytest.mark.parametrize("encoding", [*TEXTS, "utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings(path: Path, encoding: str) -> None:
    names = [line.split(",") for line in TEXTS.get(encoding, "".join(TEXTS.values())).splitlines()]
    if encoding in ("utf-16-le", "utf-16-be"):  # without a mark only Latin text gives itself away
        names = [["Père Goriot", "Honoré de Balzac"]]
    rows = [[title, author, isbn13(number), "2001"] for number, (title, author) in enumerate(names)]
    found = books_of(path, written([HEADER, *rows]).encode(encoding))
    assert [(title, author) for title, author, _, _ in found] == [(title, author) for title, author in names]


@pytest.mark.parametrize(
    ("encoding", "letters"),
    [
        ("cp932", "吾輩は猫であるノルウェイの森雪国人間失格夏目漱石川端康成太宰治村上春樹東京物語図書館"),
        ("euc_jp", "吾輩は猫であるノルウェイの森雪国人間失格夏目漱石川端康成太宰治村上春樹東京物語図書館"),
        ("gb18030", "红楼梦三国演义水浒传西游记围城活着平凡的世界曹雪芹罗贯中施耐庵吴承恩钱钟书余华路遥"),
        ("big5", "紅樓夢三國演義水滸傳西遊記圍城活著平凡的世界曹雪芹羅貫中施耐庵吳承恩錢鍾書余華路遙"),
        ("cp949", "채식주의자엄마를부탁해소년이온다토지태백산맥난장이가쏘아올린작은공한강신경숙박경리조정래"),
        ("cp1251", "войнаимирпреступлениеинаказаниелевтолстойфёдордостоевский"),
        ("koi8_r", "войнаимирпреступлениеинаказаниелевтолстойфёдордостоевский"),
        ("cp1253", "ζορμπάςνίκοςκαζαντζάκηςτοάξιονεστίοδυσσέαςελύτης"),
    ],
)
@pytest.mark.parametrize("count", [5, 20, 200, 2000])
def test_encodings_of_long_files(path: Path, encoding: str, letters: str, count: int) -> None:
    random.seed(count)
    names = [
        ("".join(random.choices(letters, k=8)), "".join(random.choices(letters, k=4))) for _ in range(count)
    ]
    rows = [[title, author, isbn13(number), ""] for number, (title, author) in enumerate(names)]
    found = books_of(path, written([HEADER, *rows]).encode(encoding))
    assert [(title, author) for title, author, _, _ in found] == names


@pytest.mark.parametrize(
    "name", ["José Saramago", "Zoé", "10 °C", "Žižek", "Café à Zoé", "“Quoted” – dash’s"]
)
@pytest.mark.parametrize("count", [1, 3, 40, 1000])
def test_few_accents_are_western(path: Path, name: str, count: int) -> None:
    rows = [
        [f"{name} {number}" if number < count else "T", "A", isbn13(number), ""]
        for number in range(count + 30)
    ]
    assert books_of(path, written([HEADER, *rows]).encode("cp1252"))[0][0] == f"{name} 0"


def test_a_latin_byte_that_first_comes_late(path: Path) -> None:
    """Far behind whatever a detector would sample at the beginning."""
    rows = [book(number) for number in range(60_000)]
    rows[55_000][0] = "Père Goriot"
    rows[55_900][1] = "Honoré de Balzac"
    data = written([HEADER, *rows]).encode("cp1252")
    found = books_of(path, data)
    assert (found[55_000][0], found[55_900][1]) == ("Père Goriot", "Honoré de Balzac")


@pytest.mark.parametrize("damage", [b"\xff", b"\x81", b"\xfe\x90"])
def test_one_bad_byte_costs_one_row(path: Path, damage: bytes) -> None:
    data = written([HEADER, *map(book, range(1, 200))]).replace("Book 7,", "Bo?k 7,").encode()
    assert errors_of(path, data.replace(b"Bo?k", b"Bo" + damage + b"k")) == [(8, "Row is not valid UTF-8")]
    accents = data.replace(b"Author 9", "Bront\u00eb \u00e9 \u00e8".encode())
    assert errors_of(path, accents.replace(b"Bo?k", b"Bo\xe9k")) == [(8, "Row is not valid UTF-8")]


def test_the_message_names_the_encoding(path: Path) -> None:
    data = table(2).replace("Book 2", "Bo?k").encode().replace(b"?", b"\x81")
    assert errors_of(path, data, encoding="cp1252") == [(3, "Row is not valid Windows-1252")]
    wide = table(2).encode("utf-16").replace("k 2".encode("utf-16-le"), b"k\x00\x00\xd8")
    assert errors_of(path, wide) == [(3, "Row is not valid UTF-16")]


T, A, I10, I13 = "The Hobbit, or There and Back Again", "J. R. R. Tolkien", "0261102214", "9780261102217"

EXPORTS = {
    "Goodreads": 'Book Id,Title,Author,Author l-f,Additional Authors,ISBN,ISBN13,My Rating,Average Rating,Publisher,'
    "Binding,Number of Pages,Year Published,Original Publication Year,Date Read,Date Added,Bookshelves\n"
    f'5907,"{T}",{A},"Tolkien, J. R. R.",,"=""{I10}""","=""{I13}""",0,4.29,HarperCollins,Paperback,310,1991,1937,,'
    "2024/01/02,to-read\n",
    "LibraryThing": "Book Id\tTitle\tSort Character\tPrimary Author\tPrimary Author Role\tSecondary Author\t"
    "Publication\tDate\tReview\tRating\tMedia\tPage Count\tISBN\tISBNs\tSubjects\n"
    f"1\t{T}\t1\t{A}\t\t\tHarperCollins (1991), 310 pages\t1991\t\t5\tPaperback\t310\t[{I10}]\t{I10}, {I13}\tDragons\n",
    "StoryGraph": "Title,Authors,Contributors,ISBN/UID,Format,Read Status,Date Added,Last Date Read,Dates Read\n"
    f'"{T}",{A},,{I13},paperback,to-read,2024/01/02,,\n',
    "calibre": "author_sort,authors,comments,formats,id,identifiers,isbn,languages,library_name,pubdate,publisher,"
    "rating,series,series_index,size,tags,timestamp,title,title_sort,uuid\n"
    f'"Tolkien, J. R. R.","{A}","Two\nlines, of ""text""",epub,7,isbn:{I13},{I13},eng,Calibre,'
    f'1991-01-01T00:00:00+00:00,HarperCollins,,,1.0,1000,,2024-01-02T10:11:12+00:00,"{T}","Hobbit, The",x-y\n',
    "Libib": "item_type,title,creators,first_name,last_name,collection,ean_isbn13,upc_isbn10,description,publisher,"
    f'publish_date,group,tags\nbook,"{T}",{A},,,Home,{I13},{I10},A dragon.,HarperCollins,1991-05-02,,\n',
    "Koha": "biblionumber;title;author;isbn;publisher;copyrightdate;itemcallnumber\n"
    f'12;"{T}";{A};{I13};HarperCollins;1991;"F TOL"\n'.replace("copyrightdate", "Publication year"),
    "Koha MARC": f'"020$a"|"100$a"|"245$a"|"260$c"\n{I13}|{A}|{T}|1991\n',
    "Open Library": "key,title,author_name,first_publish_year,isbn_13,isbn_10,edition_count\n"
    f'/works/OL262758W,"{T}",{A},1991,{I13},{I10},120\n',
    "Book-Crossing": '"ISBN";"Book-Title";"Book-Author";"Year-Of-Publication";"Publisher";"Image-URL-S"\n'
    f'"{I10}";"{T}";"{A}";"1991";"HarperCollins";"http://images.example/1.jpg"\n',
    "Kaggle Goodreads": "bookID,title,authors,average_rating,isbn,isbn13,language_code,  num_pages,ratings_count,"
    f'text_reviews_count,publication_date,publisher\n1,"{T}",{A},4.5,{I10},{I13},eng,310,1,1,5/2/1991,Harper\n',
    "Kaggle dump": "Id,Name,Authors,ISBN,Rating,PublishYear,PublishMonth,PublishDay,Publisher,pagesNumber\n"
    f'1,"{T}",{A},{I10},4.2,1991,5,2,HarperCollins,310\n',
    "goodbooks-10k": "book_id,isbn,isbn13,authors,original_publication_year,original_title,title,language_code\n"
    f'1,{I10},9.78026110222e+12,{A},1991.0,The Hobbit,"{T}",eng\n',
    "French": f'Titre;Auteur;ISBN;"Année de publication"\n{T};{A};{I13};1991\n',
    "German": f"Titel;Verfasser/in;ISBN-13;Erscheinungsjahr\n{T};{A};{I13};1991\n",
    "Spanish": f"Título;Autor(es);ISBN;Año de publicación\n{T};{A};{I13};1991\n",
    "Italian": f"Titolo;Autore;Codice ISBN;Anno di pubblicazione\n{T};{A};{I13};1991\n",
    "Portuguese": f"Título;Autor(a);ISBN;Ano de Publicação\n{T};{A};{I13};1991\n",
    "Dutch": f"Titel;Auteur;ISBN;Jaar van uitgave\n{T};{A};{I13};1991\n",
    "Turkish": f"KİTAP ADI;YAZAR;ISBN;BASIM YILI\n{T};{A};{I13};1991\n",
    "Polish": f"Tytuł;Autor;Numer ISBN;Rok wydania\n{T};{A};{I13};1991\n",
    "Swedish": f"Boktitel;Författare;ISBN;Utgivningsår\n{T};{A};{I13};1991\n",
    "Chinese": f'书名,作者,ISBN号,出版年\n"{T}",{A},{I13},1991\n',
    "Traditional Chinese": f'書名,作者,國際標準書號,出版日期\n"{T}",{A},{I13},1991-05-02\n',
    "Japanese": f'タイトル,著者名,ISBNコード,出版年月日\n"{T}",{A},{I13},1991年5月2日\n',
    "Korean": f'도서명,지은이,ISBN,출판연도\n"{T}",{A},{I13},1991\n',
}  # fmt: skip


@pytest.mark.parametrize("system", EXPORTS)
def test_exports_are_understood_without_help(path: Path, system: str) -> None:
    year = None if system == "StoryGraph" else 1991
    assert books_of(path, EXPORTS[system]) == [(T, A, I13, year)]


def test_isbns_in_the_fourth_column_are_no_years(path: Path) -> None:
    text = "".join(f"T,A,{I10},{isbn13(number)}\n" for number in range(5))
    assert {year for *_, year in books_of(path, text)} == {None}


def test_what_is_left_when_the_first_isbn_column_is_empty(path: Path) -> None:
    found = checked_of(path, f'title,author,isbn,isbns\nT,A,[],"{I10}, {I13}"\n')
    assert [(problem.code, problem.suggestion) for problem in found.rejections[0].problems] == [
        ("isbn_format", I13)
    ]


def test_names_are_compared_without_case_accents_and_punctuation() -> None:
    assert normalise(" \ufeffAnnée_de-Publication: ") == normalise("ANNEE DE PUBLICATION")
    assert normalise("YAYIN YILI") == normalise("yayın yılı")


def test_columns_that_are_named(path: Path) -> None:
    text = f"Nom complet,author,titre,isbn\nReal,Wrong,T,{I13}\n"
    assert books_of(path, text, chosen_columns={"author": "NOM-COMPLET"})[0][1] == "Real"
    assert (
        books_of(path, text, preferred_columns={"author": "nom complet", "title": "absent"})[0][1] == "Real"
    )
    assert books_of(path, f"{I13};-;T;A\n", columns=["isbn", "price", "title", "author"])[0][0] == "T"


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("title,author,code\nA,B,C\n", {}, "No column for: isbn. Columns found: title, author, code"),
        (
            "Otsikko;Tekijä;Koodi\nA;B;C\n",
            {},
            "No column for: title, author, isbn. Columns found: Otsikko, Tekijä",
        ),
        (
            table(1),
            {"chosen_columns": {"author": "Nom"}},
            "No column 'Nom' for author. Columns found: title, author",
        ),
        ("A,B\n", {"columns": ["title", "author"]}, "No column for: isbn. Columns found: title, author"),
        ("\n\n", {}, "The file holds nothing but blank lines"),
        (
            "".join(f"{isbn13(number)},Red,Blue\n" for number in range(9)),
            {},
            "The file has no header, and only its ISBNs are certain, in column 1 of 3. Name its columns, as in "
            "--columns isbn,title,author,publication_year",
        ),
        (
            "".join(f"{number},Some One,Its Title,{isbn13(number)}\n" for number in range(9)),
            {},
            "The file has no header, and only its ISBNs are certain, in column 4 of 4",
        ),
        (
            f'author,"title,isbn\nSmith,Book,{isbn13(1)}\nJones,Tome,{isbn13(2)}\n',
            {},
            "Row 1 looks like a header, but a quoted field in it is never closed",
        ),
        (
            f"{isbn13(1)};A;B\n",
            {"columns": ["isbn", "title", "author", "year"]},
            "Row 1 has 3 fields, but 4 columns are named",
        ),
        (
            "".join(f"Series,Red,Blue,{isbn13(number)}\n" for number in range(9)),
            {},
            "The file has no header, and only its ISBNs are certain, in column 4 of 4",
        ),
    ],
)
def test_what_is_not_certain_is_asked(path: Path, text: str, options: dict[str, object], reason: str) -> None:
    with pytest.raises(SourceError) as error:
        reading_of(path, text, **options)
    assert str(error.value).startswith(reason)


HEADED = table(2).partition("\n")[0] + "\n"


@pytest.mark.parametrize(
    "above",
    [
        "".join(",".join(book(number)) + "\n" for number in (3, 4)),
        "Otsikko,Tekijä,Koodi,Vuosi\n" + ",".join(book(3)) + "\n",
    ],
)
def test_books_above_the_header_are_not_a_preamble(path: Path, above: str) -> None:
    with pytest.raises(SourceError, match=r"Row 3 names the columns, but row [12] above it"):
        reading_of(path, above + table(2))


def test_two_lists_in_one_file_are_the_first_one_and_errors(path: Path) -> None:
    text = table(3, delimiter=";") + table(2)
    assert [row for row, _ in errors_of(path, text)] == [5, 6, 7]


def test_names_of_last_resort_are_used_when_there_is_nothing_better(path: Path) -> None:
    row = f"A,B,{isbn13(1)},Joe Borrower,soon,2024-01-02\n"
    text = "title,author,isbn,name,year,date\n" + row
    assert errors_of(path, text) == [(2, "Invalid publication year format: soon")]
    assert errors_of(path, text.replace("A,", ",")) == [
        (2, "Missing required field: title; Invalid publication year format: soon")
    ]
    assert books_of(path, f"Name,Author,ISBN,Date,AR\nA,B,{isbn13(1)},1991,5.2\n")[0][3] == 1991
    assert books_of(path, f"Titel,Författare,ISBN,År\nA,B,{isbn13(1)},1991\n")[0][3] == 1991
    assert books_of(path, f"Title,Author,ISBN,AR\nA,B,{isbn13(1)},1200\n")[0][3] is None


def test_a_title_that_is_a_column_name_is_no_header(path: Path) -> None:
    assert books_of(path, f"Name,Some One,{isbn13(1)},2001\n")[0][0] == "Name"


def test_a_message_names_columns_in_short(path: Path) -> None:
    with pytest.raises(SourceError) as error:
        reading_of(path, '"' + "x\n" * 50_000 + '",title,author,code\n')
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize("latin", [1, 400, 1300])
def test_rows_of_another_encoding_in_a_utf8_file_are_rejected(path: Path, latin: int) -> None:
    """Rather than the many good rows being read wrongly."""
    rows = [["Père Goriot", "B", isbn13(number), ""] for number in range(800 + latin)]
    text = [written([row]) for row in rows]
    data = written([HEADER]).encode()
    data += "".join(text[:800]).encode() + "".join(text[800:]).encode("cp1252")
    assert {message for _, message in errors_of(path, data)} == {"Row is not valid UTF-8"}
    assert len(errors_of(path, data)) == latin


def test_a_file_that_ends_amid_a_character(path: Path) -> None:
    data = table(2).encode() + f"Emil,Zola,{isbn13(9)},1\xe9".encode("latin-1")
    assert reading_of(path, data).reasons[0].startswith("Windows-1252")


WORDS = st.text(
    st.one_of(st.sampled_from(' ,;|"\t\n\\'), st.characters(categories=["L", "N", "P"])), min_size=1
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(st.tuples(WORDS, WORDS), min_size=3, max_size=8),
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    start=st.sampled_from(["", "My books\n\n", "sep={}\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    pack=st.sampled_from([None, "gz", "zip", "zst"]),
)
def test_books_come_back_from_any_dialect(
    path: Path,
    names: list[tuple[str, str]],
    delimiter: str,
    end: str,
    quoting: int,
    start: str,
    encoding: str,
    pack: str | None,
) -> None:
    rows = [[f"T{title}", f"A{author}", isbn13(n), "1999"] for n, (title, author) in enumerate(names)]
    text = written([HEADER, *rows], delimiter=delimiter, lineterminator=end, quoting=quoting)
    data = (start.format(delimiter) + text).encode(encoding)
    found = books_of(path, packed(data, pack) if pack else data)
    assert [(title, author) for title, author, _, _ in found] == [
        (title.strip(), author.strip()) for title, author, _, _ in rows
    ]


def test_all_records_are_read_whatever_they_are(path: Path) -> None:
    text = "x\n" + table(2) + "\n , ,,\nshort\n1,2,3,4,5\n" + '"open,,,\n'
    reading = reading_of(path, text)
    found = records_of(path, reading)
    assert [record.row_number for record in found] == [2, 3, 4, 5, 6, 7, 8, 9]
    assert [record.row_number for record in found if record.is_blank] == [5, 6]
