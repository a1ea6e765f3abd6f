-- to_char of integers and numerics: padding, zeros, groups, signs, too many digits, rounding.
-- setup
CREATE TABLE tn (id integer PRIMARY KEY, n numeric(12,4), i bigint);
INSERT INTO tn VALUES (1, 0, 0), (2, 1234.5678, 1234), (3, -1234.5678, -1234), (4, 0.1, 7), (5, -0.1, -7), (6, 99.995, 999999), (7, NULL, NULL), (8, 12345678.9, 12345678), (9, -0.0049, 10), (10, 485.8, 485);
-- view v_nines
SELECT id, to_char(n, '9999.99') AS a, to_char(n, '9,999.99') AS b, to_char(n, '999') AS c, to_char(i, '99,999,999') AS d, to_char(i, '9') AS e FROM tn
-- view v_zeros
SELECT id, to_char(n, '0000.00') AS a, to_char(n, '9990.00') AS b, to_char(n, '9,990.0') AS c, to_char(i, '000000000') AS d, to_char(i, '0999') AS e FROM tn
-- view v_fill
SELECT id, to_char(n, 'FM9999.99') AS a, to_char(n, 'FM9,990.00') AS b, to_char(n, 'FM999') AS c, to_char(i, 'FM99,999,999') AS d, to_char(n, 'FM9990.0099') AS e FROM tn
-- view v_signs
SELECT id, to_char(n, 'S9999.9') AS a, to_char(n, '9999.9S') AS b, to_char(n, '9999.9MI') AS c, to_char(n, '9999.9PR') AS d, to_char(i, 'FM9999MI') AS e, to_char(i, 'FM9999PR') AS f FROM tn
-- view v_text
SELECT id, to_char(n, '9G999D99') AS a, to_char(i, 'FM99999999%') AS b FROM tn
-- step
INSERT INTO tn VALUES (11, 0.005, 1), (12, -5, -12345), (13, 9999.999, 9999), (14, 0.5, 100);
-- step
UPDATE tn SET n = n * 10 WHERE id < 7;
DELETE FROM tn WHERE id = 12;
