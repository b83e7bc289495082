"""The names under which the world's book lists keep title, author, ISBN and year.

In order of preference: where a file has several of a field's columns, the first one with a usable value wins.
Compared after :func:`daemon.importing.header.normalise`, without case, accents, spaces and punctuation.
"""

from __future__ import annotations

from daemon.values import BookField

ALIASES: dict[BookField, tuple[str, ...]] = {
    "title": (
        # English, and the systems that export in it
        *("title", "book title", "title of book", "title of the book", "main title", "title proper"),
        *("work title", "title statement", "biblio title", "full title", "original title", "title original"),
        # MARC, as Koha's CSV profiles name it
        *("245$a", "245a"),
        # French, German, Spanish, Italian, Portuguese
        *("titre", "titre du livre", "titre de l'ouvrage", "titre propre", "titre original"),
        *("titel", "buchtitel", "titel des buches", "haupttitel", "hauptsachtitel", "originaltitel"),
        *("título", "título del libro", "título de la obra", "título original"),
        *("titolo", "titolo del libro", "titolo dell'opera", "titolo originale"),
        *("título do livro", "título da obra"),
        # Dutch, Turkish, Polish, Swedish
        *("boektitel", "hoofdtitel", "oorspronkelijke titel"),
        *("başlık", "kitap adı", "kitabın adı", "kitap ismi", "kitap başlığı", "eser adı", "orijinal adı"),
        *("tytuł", "tytuł książki", "tytuł oryginału", "tytuł oryginalny"),
        *("boktitel", "bokens titel", "huvudtitel"),
        # Chinese, Japanese, Korean
        *("书名", "書名", "题名", "題名", "标题", "標題", "图书名称", "圖書名稱", "书籍名称", "正题名"),
        *("タイトル", "書籍名", "本のタイトル", "作品名", "書名タイトル"),
        *("제목", "도서명", "서명", "책제목", "책이름", "도서제목", "표제"),
    ),
    "author": (
        *(
            "author",
            "authors",
            "book author",
            "book authors",
            "author name",
            "author names",
            "author full name",
        ),
        *("primary author", "main author", "first author", "author(s)", "author/s", "written by", "writer"),
        *("creator", "creators", "biblio author", "100$a", "100a", "author details"),
        *("auteur", "auteurs", "auteur(s)", "nom de l'auteur", "nom auteur", "auteur principal", "écrivain"),
        *("autor", "autoren", "autor(en)", "autorin", "autor/in", "autor*in", "verfasser", "verfasserin"),
        *("verfasser/in", "verfasser*in", "name des autors", "schriftsteller", "urheber"),
        *("autores", "autora", "autor/a", "autor(es)", "nombre del autor", "autor principal", "escritor"),
        *("autore", "autori", "autrice", "autore/i", "nome dell'autore", "autore principale", "scrittore"),
        *("autoras", "autor(a)", "nome do autor"),
        *("schrijver", "schrijvers", "naam auteur", "naam schrijver"),
        *("yazar", "yazarlar", "yazarı", "yazar adı", "yazar ismi", "kitabın yazarı"),
        *("autorzy", "autorka", "autor książki", "imię i nazwisko autora"),
        *("författare", "författarnamn", "författarens namn", "upphov", "upphovsperson"),
        *("作者", "作者名", "著者", "责任者", "責任者", "作家", "著作者"),
        *("著者名", "作者・著者", "著者・編者", "執筆者"),
        *("저자", "저자명", "지은이", "글쓴이", "작가", "저작자"),
    ),
    "isbn": (
        # ISBN-13 first, then ISBN, then ISBN-10; Libib: ean_isbn13, upc_isbn10; StoryGraph: ISBN/UID
        *(
            "isbn13",
            "isbn-13",
            "ean isbn13",
            "isbn13/token",
            "isbn 13 digits",
            "isbn",
            "isbn/uid",
            "isbn/ean",
        ),
        *("isbn number", "isbn no", "isbn nr", "isbn code", "biblio isbn", "020$a", "020a"),
        *(
            "numéro isbn",
            "n° isbn",
            "code isbn",
            "isbn nummer",
            "isbn-nummer",
            "número isbn",
            "número de isbn",
        ),
        *("código isbn", "numero isbn", "codice isbn", "isbn numarası", "isbn kodu", "numer isbn", "nr isbn"),
        *("isbn号", "isbn编号", "isbn書號", "标准书号", "国际标准书号", "國際標準書號"),
        *("isbnコード", "isbn番号", "国際標準図書番号", "isbn번호", "국제표준도서번호"),
        *("isbn10", "isbn-10", "upc isbn10", "isbns", "ean", "ean13", "ean-13", "ean code", "gtin", "gtin13"),
    ),
    "publication_year": (
        *("publication year", "year", "year published", "original publication year", "year of publication"),
        *(
            "published year",
            "pub year",
            "publish year",
            "publishing year",
            "first publish year",
            "copyright date",
        ),
        *("copyright year", "original year", "year of original publication", "year published original"),
        *("publication date", "date of publication", "publish date", "published date", "date published"),
        *("pub date", "pubdate", "published", "original publication date", "first publication date"),
        *("first publish date", "release year", "release date", "260$c", "260c", "264$c", "264c"),
        *("année", "année de publication", "année d'édition", "année de parution", "année édition"),
        *("année publication", "date de publication", "date de parution", "date d'édition", "parution"),
        *(
            "jahr",
            "erscheinungsjahr",
            "erschienen",
            "publikationsjahr",
            "veröffentlichungsjahr",
            "ausgabejahr",
        ),
        *("jahr der veröffentlichung", "erscheinungsdatum", "veröffentlichungsdatum", "erscheinungstermin"),
        *("año", "año de publicación", "año de edición", "año publicación", "fecha de publicación"),
        *("fecha de edición", "año edición"),
        *("anno", "anno di pubblicazione", "anno di edizione", "anno pubblicazione", "anno edizione"),
        *("data di pubblicazione", "data pubblicazione"),
        *("ano", "ano de publicação", "ano de edição", "ano publicação", "ano edição", "data de publicação"),
        *("jaar", "jaar van uitgave", "jaar van publicatie", "publicatiejaar", "uitgavejaar", "uitgave jaar"),
        *("verschijningsjaar", "publicatiedatum", "verschijningsdatum"),
        *(
            "yıl",
            "yayın yılı",
            "yayım yılı",
            "basım yılı",
            "baskı yılı",
            "yayınlanma yılı",
            "yayımlanma yılı",
        ),
        *("yayın tarihi", "basım tarihi", "yayınlanma tarihi", "yılı"),
        *(
            "rok",
            "rok wydania",
            "rok publikacji",
            "rok pierwszego wydania",
            "data wydania",
            "data publikacji",
        ),
        *("utgivningsår", "utgivningsdatum", "publiceringsår", "tryckår", "utgiven", "utgåveår"),
        *("出版年", "出版年份", "出版日期", "出版时间", "出版時間", "出版年月", "年份", "发行年份", "出版日"),
        *("発行年", "刊行年", "出版年月日", "発行年月日", "発行日", "発売日", "発売年", "発行年月"),
        *(
            "출판년도",
            "출판연도",
            "출간년도",
            "출간연도",
            "발행년도",
            "발행연도",
            "출판년",
            "발행년",
            "연도",
            "년도",
        ),
        *("출판일", "출간일", "발행일", "출판일자", "출판날짜"),
    ),
}
"""Names of columns by the field that they fill."""

LAST_RESORT: dict[BookField, tuple[str, ...]] = {
    # Kaggle's Goodreads dump; elsewhere it may be the name of anybody
    "title": ("name",),
    # LibraryThing; elsewhere it may be the date of anything. Swedish; without its accent it is no year
    "publication_year": ("date", "år"),
}
"""Names that are taken, in lower case and with their accents, if nothing else fills the field."""
