#!/usr/bin/env python3
"""Verifies queries.tsv against the product catalog. Usage: python3 check.py [--list] [catalog directory]"""
import collections
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
DEFAULT_CATALOG = HERE.parents[1] / "src/sample_data/product_catalog"
HEADER = ["kind", "half", "query", "grade2", "grade1"]
KINDS = ["use", "material", "synonym", "typo", "sku", "unit", "negation", "category", "long", "language"]
HALVES = ["tune", "report"]
MIN_QUERIES = 160
MIN_QUERIES_PER_KIND = 14
MIN_SKU_PREFIX_CHARS = 6
MIN_TYPE_NAMES = 10
MIN_UPPER_CASE_NAMES = 10
REQUIRED = [
    "rope", "varnish", "hammers", "hex key", "secateurs", "CORDLESS DRILL", "waterproof electrical connectors",
]
# Kinds whose queries must not copy the descriptions.
REWORDED_KINDS = {"use", "material", "synonym", "negation", "long"}
MAX_DESCRIPTIONS_OF_RARE_WORD = 3
MAX_SHARED_RARE_WORDS = 1


def read_catalog(directory):
    """Returns names and descriptions by SKU, and SKUs by type and by category."""
    products, types, categories = {}, {}, {}
    for path in sorted(directory.glob("*.tsv")):
        category = type_name = None
        for line in path.read_text(encoding="utf-8").splitlines():
            fields = line.split("\t")
            if not line or line.startswith("#"):
                continue
            if fields[0] == "category":
                category = fields[1]
                categories[category] = []
            elif fields[0] == "type":
                type_name = fields[1]
                types[type_name] = []
            elif re.fullmatch(r"[A-Z]{4}\d{6}", fields[0]):
                sku, _, name, description = fields
                products[sku] = (name, description)
                types[type_name].append(sku)
                categories[category].append(sku)
    return products, types, categories


def words(text):
    """Returns the lower-case words of a text, without a plural s."""
    return {w[:-1] if len(w) > 3 and w.endswith("s") else w for w in re.findall(r"[a-z]{3,}", text.lower())}


def main():
    arguments = [a for a in sys.argv[1:] if a != "--list"]
    catalog = pathlib.Path(arguments[0]) if arguments else DEFAULT_CATALOG
    products, types, categories = read_catalog(catalog)
    errors = []

    def expand(cell, line_number):
        """Returns the SKUs of a grade column."""
        skus = []
        for item in cell.split("; ") if cell else []:
            if item.startswith("type:") and item[5:] in types:
                skus += types[item[5:]]
            elif item.startswith("category:") and item[9:] in categories:
                skus += categories[item[9:]]
            elif item in products:
                skus.append(item)
            else:
                errors.append(f"line {line_number}: unknown item {item!r}")
        if len(skus) != len(set(skus)):
            errors.append(f"line {line_number}: product listed twice in one grade")
        return skus

    descriptions_of_word = collections.Counter()
    for _, description in products.values():
        descriptions_of_word.update(words(description))

    lines = (HERE / "queries.tsv").read_text(encoding="utf-8").split("\n")
    if lines[-1] == "":
        lines.pop()
    else:
        errors.append("last line has no line feed")
    if lines[0].split("\t") != HEADER:
        errors.append("wrong header")
    counts, line_of_query = collections.Counter(), {}
    next_half, kinds_seen = collections.Counter(), []
    type_names = upper_case_names = 0
    graded = collections.Counter()
    for number, line in enumerate(lines[1:], start=2):
        fields = line.split("\t")
        if len(fields) != len(HEADER):
            errors.append(f"line {number}: {len(fields)} columns")
            continue
        kind, half, query, cell2, cell1 = fields
        if any(f != f.strip() for f in fields):
            errors.append(f"line {number}: space at the edge of a column")
        if kind not in KINDS or half not in HALVES:
            errors.append(f"line {number}: unknown kind or half")
            continue
        if kind not in kinds_seen:
            kinds_seen.append(kind)
        elif kind != kinds_seen[-1]:
            errors.append(f"line {number}: kind {kind} is not in one block")
        if half != HALVES[next_half[kind] % 2]:
            errors.append(f"line {number}: halves do not alternate")
        next_half[kind] += 1
        counts[kind, half] += 1
        key = (query if kind == "category" else query.casefold())
        if not query or key in line_of_query:
            errors.append(f"line {number}: empty or duplicate query {query!r}")
        line_of_query[key] = number
        grade2, grade1 = expand(cell2, number), expand(cell1, number)
        if not grade2:
            errors.append(f"line {number}: no grade 2 product")
        for sku in sorted(set(grade2) & set(grade1)):
            errors.append(f"line {number}: {sku} is in both grades")
        graded.update(grade2)
        if kind == "sku":
            matching = [sku for sku in products if sku.startswith(query.upper())]
            if len(query) < MIN_SKU_PREFIX_CHARS or sorted(matching) != sorted(grade2) or grade1:
                errors.append(f"line {number}: SKU query {query!r} must have exactly {' '.join(matching)}")
        if kind == "category":
            type_names += query in types
            for type_name, skus in types.items():
                if query.casefold() == type_name.casefold() and not set(skus) <= set(grade2):
                    errors.append(f"line {number}: grade 2 lacks products of the type")
            if query.upper() in categories and not set(categories[query.upper()]) <= set(grade2):
                errors.append(f"line {number}: grade 2 lacks products of the category")
            is_in_name = any(query in products[sku][0].upper() for sku in grade2)
            upper_case_names += query.isupper() and query not in categories and is_in_name
        if kind in REWORDED_KINDS:
            for sku in grade2:
                shared = words(query) & words(products[sku][1])
                rare = sorted(w for w in shared if descriptions_of_word[w] <= MAX_DESCRIPTIONS_OF_RARE_WORD)
                if len(rare) > MAX_SHARED_RARE_WORDS:
                    errors.append(f"line {number}: {query!r} shares {rare} with the description of {sku}")
        if "--list" in sys.argv:
            print(f"{number} [{kind}] {query}")
            for grade, skus in ((2, grade2), (1, grade1)):
                for sku in skus:
                    print(f"    {grade}  {sku}  {products[sku][0]}")

    for query in REQUIRED:
        if query not in line_of_query:
            errors.append(f"required query is missing: {query}")
    if sum(counts.values()) < MIN_QUERIES:
        errors.append(f"fewer than {MIN_QUERIES} queries")
    for kind in KINDS:
        if counts[kind, "tune"] != counts[kind, "report"]:
            errors.append(f"{kind}: halves differ in size")
        if counts[kind, "tune"] + counts[kind, "report"] < MIN_QUERIES_PER_KIND:
            errors.append(f"{kind}: fewer than {MIN_QUERIES_PER_KIND} queries")
    if type_names < MIN_TYPE_NAMES:
        errors.append(f"only {type_names} exact type names")
    if upper_case_names < MIN_UPPER_CASE_NAMES:
        errors.append(f"only {upper_case_names} product names in capitals")

    print(f"{'kind':10} {'tune':>6} {'report':>6} {'total':>6}")
    for kind in KINDS:
        tune, report = counts[kind, "tune"], counts[kind, "report"]
        print(f"{kind:10} {tune:6} {report:6} {tune + report:6}")
    print(f"total: {sum(counts.values())} queries; {type_names} exact type names; "
          f"{upper_case_names} product names in capitals; "
          f"{len(graded)} of {len(products)} products have grade 2 for at least one query")
    for error in errors:
        print("error:", error)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
