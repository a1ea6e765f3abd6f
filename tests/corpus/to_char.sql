-- to_char of dates, timestamps and timestamptz; to_date and to_timestamp; patterns in the table itself.
-- setup
CREATE TABLE tc (id integer PRIMARY KEY, d date, ts timestamp, tz timestamptz, txt text, pat text);
INSERT INTO tc VALUES (1, '2024-02-29', '2024-02-29 00:05:09.012345', '2024-02-29 12:00:00+00', '29.02.2024', 'DD.MM.YYYY'), (2, '1999-12-31', '1999-12-31 23:59:59.9', '1999-12-31 23:59:59+02', '19991231', 'YYYYMMDD'),
  (3, NULL, NULL, NULL, NULL, NULL), (4, '2021-01-03', '2021-01-03 13:00:00', '2021-01-03 01:02:03.5+00', '3 january 21', 'DD month YY'), (5, '2020-12-28', '2020-12-28 11:11:11', '2020-12-28 11:11:11+00', 'Dec 28, 2020', 'Mon DD, YYYY');
-- view v_iso
SELECT id, to_char(ts, 'YYYY-MM-DD HH24:MI:SS.MS') AS a, to_char(d, 'YYYY-MM') AS b, to_char(tz, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS c FROM tc
-- view v_names
SELECT id, to_char(ts, 'Day, DD Month YYYY|DAY|day|FMDay|FMMonth|Mon|MON|mon|Dy|DY|dy') AS a, to_char(tz, 'HH:MI AM|HH12 p.m.|am|A.M.') AS b FROM tc
-- view v_numbers
SELECT id, to_char(ts, 'Q|WW|W|DDD|D|ID|IYYY-IW-ID|IDDD|CC|J|Y,YYY|YYY|YY|Y|IY|SSSS|FF1|FF3|FF6') AS a, to_char(d, 'DDth|FMDDth|DDTH|FMMM|FMDD|FMHH24|yyyy|mm|dd') AS b FROM tc
-- view v_zones
SELECT id, to_char(tz, 'TZ|tz|OF|TZH|TZM|AD|bc|A.D.') AS a, to_char(ts, 'TZ|OF') AS b FROM tc
-- view v_text
SELECT id, to_char(d, '"Year: "YYYY, x \"q\"') AS a FROM tc
-- view v_read
SELECT id, to_date(txt, pat) AS d, to_timestamp(txt, pat) AS tz FROM tc
-- view v_epoch
SELECT id, to_timestamp(id * 86400.5) AS t FROM tc
-- view v_bymonth
SELECT to_char(d, 'YYYY-MM') AS m, count(*) AS n FROM tc GROUP BY 1
-- step
INSERT INTO tc VALUES (6, '0099-03-01', '0099-03-01 12:00:00', '2024-06-30 23:59:59.999999+00', '2024-060', 'YYYY-DDD'), (7, '2024-11-22', '2024-11-22 22:11:33.1', '2024-11-22 22:11:33+00', '2024/11/22 10:11:33 pm', 'YYYY-MM-DD HH:MI:SS AM');
-- step
UPDATE tc SET txt = '2024-7-4 5:6:7.25', pat = 'YYYY-MM-DD HH24:MI:SS.MS' WHERE id = 3;
UPDATE tc SET d = '2024-03-11' WHERE id = 2;
-- step
DELETE FROM tc WHERE id IN (1, 5);
