-- Functions of text and of regular expressions over columns with NULLs.
-- setup
CREATE TABLE words (id int PRIMARY KEY, t text, n int);
INSERT INTO words VALUES (1, 'hello wORLD foo-bar', 2), (2, NULL, 1), (3, '', 3), (4, 'a,b,,c', NULL), (5, 'O''Reilly \ "x"', -1), (6, 'uni 1a2b — é', 20);
-- view v_cases
SELECT id, upper(substr(t, 1, 5)) AS u, lower(replace(t, 'é', '')) AS l, reverse(t) AS r, left(t, n) AS le, right(t, -2) AS ri, lpad(t, 6, '*') AS lp,
  rpad(t, n, 'xy') AS rp, repeat('ab', n) AS re, translate(t, 'abo', 'xy') AS tr, replace(t, ',', '') AS rep, strpos(t, 'o') AS p,
  split_part(t, ',', 2) AS s2, split_part(t, ',', -1) AS sl, overlay(t placing 'ZZ' from 2 for 1) AS ov FROM words
-- view v_format
SELECT id, format('%s|%5s|%-4s|%L|%%', t, n, n, t) AS f, format('%2$s %1$I', coalesce(nullif(t, ''), 'x'), n) AS g, format('%s', n > 1) AS b,
  quote_literal(t) AS ql, quote_nullable(t) AS qn, quote_ident(t) AS qi, concat_ws('-', t, n, id) AS c FROM words
-- view v_codes
SELECT id, to_hex(n) AS h, chr(64 + id) AS c, ascii(t) AS a, md5(t) AS m, encode(convert_to_bytes, 'base64') AS b64, encode(convert_to_bytes, 'hex') AS hex
FROM (SELECT id, t, n, sha256('abc') AS convert_to_bytes FROM words) AS w
-- view v_patterns
SELECT id, substring(t from '[a-z]+') AS s, substring(t, 'o(.)') AS g, regexp_replace(t, '[aeiou]', '_', 'g') AS r,
  array_to_string(regexp_split_to_array(t, '[, ]+'), '|') AS sp, regexp_substr(t, '\w+', 1, 2) AS w2, t ~* 'HELLO' AS m, starts_with(t, 'a,') AS st FROM words
-- view v_arrays
SELECT id, array_to_string(array_remove(ARRAY[n, 1, 2, 1], 1), ',', '*') AS r, array_to_string(array_replace(ARRAY[n, 2, 3, 2], 2, 9), ',') AS p,
  array_length(string_to_array(t, ','), 1) AS l, cardinality(ARRAY[n, id]) AS c, (ARRAY[n, id])[2] AS e, n = ANY(ARRAY[1, 2]) AS a FROM words
-- view v_rows
SELECT id, (id, n) = (1, 2) AS e, (id, n) < (4, 2) AS l, (n, id) >= (2, 3) AS g, (id, n) IN ((1, 2), (3, 3)) AS i, (t, n) IS NULL AS u,
  (id, n) <> (id, 5) AS d FROM words
-- step
UPDATE words SET t = 'x, yy', n = 1 WHERE id = 3;
INSERT INTO words VALUES (7, 'ooo', 0);
-- step
DELETE FROM words WHERE id IN (1, 5);
