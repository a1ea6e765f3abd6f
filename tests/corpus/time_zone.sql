-- Views of a session in another time zone, with changes of the clock on 2024-03-31 and 2024-10-27. What they show is
-- local time or text, so that it does not depend on the session that reads; changes name their offsets.
-- setup
SET timezone TO 'Europe/Berlin';
CREATE TABLE e (id integer PRIMARY KEY, at timestamptz, loc timestamp, d date, txt text);
INSERT INTO e VALUES (1, '2024-03-30 23:30:00+00', '2024-03-31 02:30:00', '2024-03-31', '2024-03-31 02:30:00'),
  (2, '2024-03-31 00:59:59.5+00', '2024-03-31 01:59:59', '2024-03-30', '2024-07-01 12:00'),
  (3, '2024-10-27 00:30:00+00', '2024-10-27 02:30:00', '2024-10-27', '2024-07-01 12:00+05:30'),
  (4, '2024-10-27 01:30:00+00', '2024-10-27 03:30:00', '2024-10-28', '2024-01-01'),
  (5, NULL, NULL, NULL, NULL), (6, '1890-01-01 00:00:00+00', '1890-01-01 00:00:00', '1890-01-01', '1999-12-31 23:00');
-- view z_casts
SELECT id, at::timestamp AS ts, at::date AS day, at::text AS shown, CAST(at AS varchar) AS v FROM e
-- view z_into
SELECT id, loc::timestamptz::text AS l, d::timestamptz::text AS d, txt::timestamptz::text AS t FROM e
-- view z_days
SELECT at::date AS day, count(*) AS n, max(at)::text AS last FROM e GROUP BY at::date
-- view z_trunc
SELECT id, date_trunc('day', at)::text AS d, date_trunc('month', at)::text AS m, date_trunc('hour', at)::text AS h,
  date_trunc('week', at)::text AS w, date_trunc('minute', at)::text AS mi FROM e
-- view z_extract
SELECT id, extract(hour FROM at) AS h, extract(day FROM at) AS d, (extract(epoch FROM at) * 2)::bigint AS e, extract(dow FROM at) AS dow, date_part('month', at) AS m FROM e
-- view z_char
SELECT id, to_char(at, 'YYYY-MM-DD HH24:MI:SS') AS t, to_timestamp(txt, 'YYYY-MM-DD')::text AS r FROM e
-- view z_compare
SELECT id FROM e WHERE at >= '2024-03-31' AND at < timestamptz '2024-10-27 02:30' OR at = loc
-- view z_dates
SELECT a.id, b.id AS other FROM e a JOIN e b ON a.at::date = b.d
-- view z_add
SELECT id, (at + interval '1 day')::text AS d, (at - interval '1 month')::text AS m, (at + interval '24 hours')::text AS h,
  (interval '1 day 2 hours' + at)::text AS dh FROM e
-- view z_at
SELECT id, at AT TIME ZONE 'America/New_York' AS ny, (loc AT TIME ZONE 'Asia/Kolkata')::text AS k,
  timezone('UTC', at) AS utc, (at AT TIME ZONE '<+03>-03') AS f FROM e
-- view z_between
SELECT id FROM e WHERE at BETWEEN '2024-03-31 01:00' AND '2024-03-31 23:59:59' OR at IN ('2024-10-27 01:30+00', '2024-05-05 05:05')
-- view z_over
SELECT day, n FROM z_days WHERE day >= '2024-03-31'
-- step
UPDATE e SET at = '2024-05-05 05:05:00+02' WHERE id = 5;
INSERT INTO e VALUES (7, '2024-12-31 23:30:00+00', '2025-01-01 00:30:00', '2025-01-01', '2025-01-01 00:30');
-- step
DELETE FROM e WHERE id IN (1, 4);
UPDATE e SET at = at + interval '1 hour', loc = loc + interval '1 hour' WHERE id < 4;
-- step
UPDATE e SET txt = '2024-10-27 02:30', d = '2024-10-27' WHERE id = 7;
-- step
DELETE FROM e;
INSERT INTO e VALUES (9, '2024-10-26 22:00:00+00', '2024-10-26 22:00:00', '2024-10-27', '2024-10-26 22:00');
