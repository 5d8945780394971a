--! title = "Shipping delays of web orders"
--! question = "How many web orders were shipped within 30, 60, 90, 120 or more days, by warehouse, ship mode type and web site?"
--! param.DMS = { default = 1200, int = [1176, 1224] }
--! deviations = ["the shortened warehouse name, unnamed in the definition, is called warehouse_name, and the five counts have plain identifiers instead of quoted ones"]

select
    substr(w_warehouse_name, 1, 20) as warehouse_name,
    sm_type,
    web_name,
    sum(case when ws_ship_date_sk - ws_sold_date_sk <= 30 then 1 else 0 end) as days_30,
    sum(
        case
            when ws_ship_date_sk - ws_sold_date_sk > 30
                and ws_ship_date_sk - ws_sold_date_sk <= 60 then 1
            else 0
        end
    ) as days_31_60,
    sum(
        case
            when ws_ship_date_sk - ws_sold_date_sk > 60
                and ws_ship_date_sk - ws_sold_date_sk <= 90 then 1
            else 0
        end
    ) as days_61_90,
    sum(
        case
            when ws_ship_date_sk - ws_sold_date_sk > 90
                and ws_ship_date_sk - ws_sold_date_sk <= 120 then 1
            else 0
        end
    ) as days_91_120,
    sum(case when ws_ship_date_sk - ws_sold_date_sk > 120 then 1 else 0 end) as days_over_120
from web_sales
join warehouse on ws_warehouse_sk = w_warehouse_sk
join ship_mode on ws_ship_mode_sk = sm_ship_mode_sk
join web_site on ws_web_site_sk = web_site_sk
join date_dim on ws_ship_date_sk = d_date_sk
where d_month_seq between {DMS} and {DMS} + 11
group by substr(w_warehouse_name, 1, 20), sm_type, web_name
order by warehouse_name nulls first, sm_type nulls first, web_name nulls first
limit 100
