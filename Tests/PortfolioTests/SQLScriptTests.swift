import Testing

@testable import Portfolio

@Suite struct SQLScriptTests {
  @Test(arguments: [
    ("", []),
    ("-- nothing\n/* here */ ;; ", []),
    ("SELECT 1", ["1: SELECT 1"]),
    ("SELECT 1;\n\n-- why\nSELECT 2;", ["1: SELECT 1", "4: SELECT 2"]),
    ("SELECT ';', \"a;b\"; SELECT 2", ["1: SELECT ';', \"a;b\"", "1: SELECT 2"]),
    ("SELECT 'it''s; so'; SELECT 2", ["1: SELECT 'it''s; so'", "1: SELECT 2"]),
    ("SELECT E'\\';'; SELECT 2", ["1: SELECT E'\\';'", "1: SELECT 2"]),
    ("SELECT type'\\'; SELECT 2", ["1: SELECT type'\\'", "1: SELECT 2"]),
    ("SELECT 1 -- a; b\n + 1; SELECT 2", ["1: SELECT 1 -- a; b\n + 1", "2: SELECT 2"]),
    ("SELECT /* ; /* ; */ ; */ 1; SELECT 2", ["1: SELECT /* ; /* ; */ ; */ 1", "1: SELECT 2"]),
    ("DO $$ BEGIN; END $$;\nSELECT 2", ["1: DO $$ BEGIN; END $$", "2: SELECT 2"]),
    ("DO $a$ $$;$b$; $a$; SELECT 2", ["1: DO $a$ $$;$b$; $a$", "1: SELECT 2"]),
    ("SELECT $1; SELECT a$b$c; SELECT 2", ["1: SELECT $1", "1: SELECT a$b$c", "1: SELECT 2"]),
    ("SELECT 'open; ", ["1: SELECT 'open; "]), ("DO $$ open;", ["1: DO $$ open;"]),
    ("SELECT /* open;", ["1: SELECT /* open;"]), ("SELECT 1 $", ["1: SELECT 1 $"]),
    ("SELECT E'\\", ["1: SELECT E'\\"]),
  ]) func aScriptIsCutWhereItsStatementsEnd(script: String, statements: [String]) {
    let found = SQLScript(Array(script.utf8)).statements
    #expect(found.map { "\($0.line): \($0.text)" } == statements)
  }
}
