-- double precision group and join keys with -0.0, NaN and infinities (the printed key never is -0: zero is added to it).
-- setup
CREATE TABLE fl (x double precision, n integer);
CREATE TABLE fr (x double precision, t text);
INSERT INTO fl VALUES (0.0, 1), ('-0.0', 2), ('NaN', 3), ('NaN', 4), (1.5, 5), ('Infinity', 6), ('-Infinity', 7), (NULL, 8), (0.25, 9);
INSERT INTO fr VALUES ('-0.0', 'zero'), ('NaN', 'nan'), (1.5, 'x'), (NULL, 'null');
-- view f_group
SELECT x + 0.0::double precision AS k, count(*) AS c, sum(n) AS s FROM fl GROUP BY x
-- view f_distinct
SELECT DISTINCT x + 0.0::double precision AS k FROM fl
-- view f_join
SELECT fl.n, fr.t FROM fl JOIN fr ON fl.x = fr.x
-- view f_left
SELECT fl.n, fr.t FROM fl LEFT JOIN fr ON fl.x = fr.x
-- view f_minmax
SELECT min(x) + 0.0::double precision AS mn, max(x) + 0.0::double precision AS mx, count(DISTINCT x) AS d FROM fl
-- view f_filter
SELECT n FROM fl WHERE x > 1.0 OR x = 0
-- view f_text
SELECT n, CASE WHEN x = 0 THEN 'zero' ELSE x::text END AS t FROM fl
-- view f_order
SELECT x + 0.0::double precision AS k, n FROM fl WHERE x <> 0 ORDER BY x DESC NULLS LAST, n LIMIT 3
-- view f_sum
SELECT n % 2 AS p, sum(x) + 0.0::double precision AS s FROM fl GROUP BY n % 2
-- step
INSERT INTO fl VALUES ('-0.0', 10), (-2.5, 11), ('NaN', 12);
-- step
DELETE FROM fl WHERE x = 'NaN';
-- step
DELETE FROM fl WHERE n = 1;
UPDATE fr SET x = 0.0 WHERE t = 'nan';
-- step
DELETE FROM fl WHERE x = 'Infinity' OR x = '-Infinity';
-- step
UPDATE fl SET x = 'NaN' WHERE x = 0;
UPDATE fr SET x = 'NaN' WHERE t = 'x';
-- step
DELETE FROM fl;
-- step
INSERT INTO fl VALUES ('-0.0', 1), ('-Infinity', 2), (4.75, 3), (4.75, 5);
