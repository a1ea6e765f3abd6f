-- Parts of times and dates moved by intervals, from the year 1 to 9999.
-- setup
CREATE TABLE p (id integer PRIMARY KEY, d date, at timestamp, tz timestamptz);
INSERT INTO p VALUES (1, '2024-01-31', '2024-01-31 23:59:59.999999', '2024-03-31 01:30:00+00'), (2, '9999-12-31', '9999-12-31 23:59:59', '9999-12-31 00:00:00+00'), (3, '0001-01-01', '0001-01-01 00:00:00', '1969-12-31 23:59:59.5+00'), (4, NULL, NULL, NULL);
-- view v_shift
SELECT id, d + interval '12 hours' AS a, d - interval '1 month' AS b, interval '1 day' + d AS c, d - (at - tz::timestamp) AS e, d - date '2000-01-01' AS f, (d - date '2000-01-01') / 7 AS g FROM p WHERE id <> 3
-- view v_extract
SELECT id, extract(year FROM at) AS y, extract(second FROM at) AS s, extract(epoch FROM tz) AS e, extract(milliseconds FROM at) AS ms, extract(isoyear FROM d) AS iy, extract(century FROM d) AS c, extract(dow FROM d) AS w, extract(week FROM tz) AS wk, extract(epoch FROM at - tz::timestamp) AS ep FROM p
-- view v_part
SELECT id, date_part('second', at) AS s, date_part('epoch', tz) AS e, date_part('day', at - timestamp '2000-01-01') AS d FROM p
-- view v_trunc
SELECT id, date_trunc('week', at) AS w, date_trunc('quarter', at) AS q, date_trunc('decade', at) AS d, date_trunc('century', at) AS c, date_trunc('millennium', at) AS m, date_trunc('milliseconds', at) AS ms, date_trunc('month', d) AS dm, date_trunc('hour', tz) AS h FROM p
-- view v_compare
SELECT a.id, b.id AS other, a.d < b.at AS lt, a.d = b.tz AS eq, a.at >= b.tz AS ge, a.at BETWEEN b.d AND b.tz AS bt FROM p a JOIN p b ON a.d <= b.at
-- view v_by_year
SELECT extract(year FROM at) AS y, count(*) AS c, sum(extract(second FROM at)) AS s, max(CASE WHEN id > 2 THEN extract(day FROM at) ELSE 0 END) AS m FROM p GROUP BY extract(year FROM at)
-- step
UPDATE p SET d = d + 1, at = at - interval '1 year' WHERE id IN (1, 2) AND d < '9999-01-01';
INSERT INTO p VALUES (5, '1582-10-10', '1899-12-31 12:00:00', '2024-10-27 00:30:00+00'), (6, '2024-12-30', '2000-12-31 00:00:00', '2001-01-01 00:00:00+00');
-- step
DELETE FROM p WHERE id = 2;
UPDATE p SET at = NULL WHERE id = 6;
