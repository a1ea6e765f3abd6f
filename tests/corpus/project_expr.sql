-- Projection: CASE, COALESCE, NULLIF, concatenation, string functions, casts; NULLs, empty strings, quotes, unicode.
-- setup
CREATE TABLE p (id integer PRIMARY KEY, s text, v varchar(20), n integer, big bigint, amt numeric(10,2));
INSERT INTO p VALUES (1, 'Hello', 'World', 5, 5000000000, 10.50), (2, '', 'x', -3, NULL, 0.00), (3, NULL, NULL, NULL, 7, NULL),
  (4, 'it''s "q"', '  pad  ', 0, -1, -7.25), (5, 'naïve café', 'ünï', 100, 0, 99999999.99), (6, '日本語', 'abc', 7, 12, 1.05);
-- view v_string
SELECT id, upper(v) AS u, lower(trim(v)) AS l, length(s) AS len, replace(s, 'l', '_') AS r, substring(s from 2 for 3) AS sub FROM p WHERE id <> 5
-- view v_unicode
SELECT id, length(s) AS len, substring(s, 1, 2) AS head, s || '|' || v AS both_cols FROM p
-- view v_case
SELECT id, CASE WHEN n > 5 THEN 'big' WHEN n < 0 THEN 'neg' WHEN n IS NULL THEN NULL ELSE 'small' END AS size,
  CASE n WHEN 0 THEN 'zero' WHEN 5 THEN 'five' ELSE 'other' END AS name,
  COALESCE(s, v, 'none') AS c, NULLIF(s, '') AS nz, NULLIF(n, 0) AS nn FROM p
-- view v_arith
SELECT id, n + 1 AS n1, n * big AS nb, n / 2 AS half, n % 3 AS m, -n AS neg, abs(n) AS a, amt * 2 AS twice, amt + amt AS s2, amt - 0.25 AS less, amt * amt AS sq FROM p
-- view v_cast
SELECT id, n::text AS nt, amt::text AS at, (id || '7')::integer AS i7, n::bigint AS nb, n::double precision AS nd, amt::integer AS ai, (n > 1)::text AS bt, n::numeric(12,3) AS n3 FROM p
-- step
INSERT INTO p VALUES (7, 'new', 'NEW', 2147483, 1, 0.01), (8, 'll', '', 2, 2, 2.50);
-- step
UPDATE p SET s = NULL, n = NULL WHERE id IN (1, 5);
-- step
UPDATE p SET s = 'él''è', v = 'Ab', amt = 3.50, n = 7 WHERE id = 3;
DELETE FROM p WHERE s = '';
-- step
UPDATE p SET id = id + 10 WHERE id % 2 = 0;
-- step
UPDATE p SET n = -n - 1, amt = -amt;
-- step
DELETE FROM p;
-- step
INSERT INTO p VALUES (1, 'back', 'BACK', 1, 1, 1.00), (2, '', '', 0, 0, 0.00);
