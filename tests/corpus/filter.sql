-- Filters with three-valued logic on a keyless table with duplicate rows and NULLs:
-- IS DISTINCT FROM, IN list, BETWEEN, LIKE, NOT, IS TRUE / IS UNKNOWN.
-- setup
CREATE TABLE t (a integer, b integer, s text, f boolean);
INSERT INTO t VALUES (1, 1, 'apple', true), (1, 1, 'apple', true), (2, NULL, 'banana', false), (NULL, 3, 'cherry', NULL),
  (NULL, NULL, NULL, NULL), (5, 4, '', true), (6, 6, 'a_b', false), (7, 9, 'a%b', NULL), (10, 2, 'Apple pie', true);
-- view v_distinct_from
SELECT a, b, s FROM t WHERE a IS DISTINCT FROM b
-- view v_not_distinct
SELECT a, b FROM t WHERE a IS NOT DISTINCT FROM b
-- view v_in_between
SELECT a, b, s FROM t WHERE a IN (1, 5, 7, NULL) OR b BETWEEN 3 AND 5
-- view v_not_in_list
SELECT a, s FROM t WHERE a NOT IN (1, 2) AND NOT (b > 5)
-- view v_like
SELECT s, f FROM t WHERE s LIKE 'a%' OR s LIKE '%an_na' OR s LIKE 'a\_b'
-- view v_bool
SELECT a, f FROM t WHERE f IS NOT TRUE AND (a > 1) IS NOT FALSE
-- view v_nothing_null
SELECT * FROM t WHERE f IS NOT NULL AND s IS NOT NULL AND a + b > 2
-- step
INSERT INTO t VALUES (1, 1, 'apple', true), (3, NULL, 'avocado', NULL), (NULL, 4, 'a_b', true);
-- step
DELETE FROM t WHERE s = 'apple';
-- step
UPDATE t SET b = a WHERE b IS NULL;
UPDATE t SET a = NULL WHERE a = 5;
-- step
UPDATE t SET f = NOT f;
UPDATE t SET s = 'banxna' WHERE s = 'banana';
-- step
INSERT INTO t VALUES (8, 8, 'axe', true);
DELETE FROM t WHERE a = 8;
UPDATE t SET s = NULL WHERE s LIKE 'a%';
-- step
TRUNCATE t;
-- step
INSERT INTO t VALUES (1, 5, 'a', NULL), (1, 5, 'a', NULL), (NULL, 5, 'b', false), (4, 4, 'a_b', true);
