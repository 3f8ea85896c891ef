"""The path language of SQL/JSON: `$.a[*] ? (@.b > 2)`.

    text --scanner--> tokens --parser--> nodes --writing--> text in normal form, which is the value of type jsonpath

What a path finds in a document is decided in `sql.functions.json_path_steps`.
"""
