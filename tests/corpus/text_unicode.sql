-- Text keys and values with quotes, backslashes, unicode, spaces and the empty string, in joins, groups, order and patterns (byte order).
-- setup
CREATE TABLE tx (id integer PRIMARY KEY, s text, v varchar(10));
CREATE TABLE ty (s text, n integer);
INSERT INTO tx VALUES (1, 'O''Neil', 'a'), (2, 'say "hi"', 'A'), (3, '', ''), (4, NULL, NULL), (5, 'größe', ' a'), (6, '日本', 'a '), (7, 'back\slash', 'b'), (8, '😀 ok', '100%');
INSERT INTO ty VALUES ('O''Neil', 1), ('', 2), ('', 2), ('日本', 3), (NULL, 4), ('größe', 5), ('grösse', 6), ('back\slash', 7);
-- view t_join
SELECT tx.id, ty.s, ty.n FROM tx JOIN ty ON tx.s = ty.s
-- view t_group
SELECT s, count(*) AS c, sum(n) AS sn FROM ty GROUP BY s
-- view t_order
SELECT s, id FROM tx ORDER BY s DESC NULLS LAST, id LIMIT 3
-- view t_minmax
SELECT min(s) AS mn, max(s) AS mx, min(v) AS vn, max(v) AS vx FROM tx
-- view t_len
SELECT length(s) AS len, count(*) AS c, bool_or(s = '') AS e FROM tx GROUP BY length(s)
-- view t_fn
SELECT id, trim(v) AS tv, '[' || v || ']' AS bv, replace(s, '''', '"') AS q, substring(s, 2, 2) AS sub, left(s, 1) AS l1, right(s, 2) AS r2, position('a' in s) AS pos FROM tx
-- view t_like
SELECT id FROM tx WHERE s LIKE '%''%' OR s LIKE '_' OR s LIKE '日%' OR v LIKE '%\%' OR s LIKE 'b%\\%'
-- view t_concat
SELECT id, concat(s, '-', v) AS c, COALESCE(s, '') || COALESCE(v, '?') AS d FROM tx
-- step
UPDATE tx SET s = 'grösse' WHERE id = 5;
INSERT INTO ty VALUES ('😀 ok', 8), ('O''Neil', 1);
-- step
DELETE FROM ty WHERE s = '';
UPDATE tx SET v = 'é' WHERE v = '';
-- step
UPDATE ty SET s = '' WHERE s IS NULL;
UPDATE tx SET s = '日' WHERE id = 6;
-- step
UPDATE tx SET s = s || '''' WHERE id IN (1, 2, 3);
-- step
DELETE FROM tx WHERE s LIKE '%''';
-- step
TRUNCATE ty;
INSERT INTO ty SELECT s, id FROM tx;
