--! title = "Days from catalog order to shipment"
--! question = "How many catalog sales of twelve months took up to 30, 60, 90, 120 or more days to ship, per warehouse, ship mode type and call center?"
--! param.DMS = { default = 1200, int = [1176, 1224] }
--! deviations = ["the shortened warehouse name, unnamed in the definition, is called warehouse_name, and the five counts have plain identifiers instead of quoted ones"]

select
    substr(w_warehouse_name, 1, 20) as warehouse_name,
    sm_type,
    cc_name,
    sum(case when cs_ship_date_sk - cs_sold_date_sk <= 30 then 1 else 0 end) as days_30,
    sum(
        case
            when cs_ship_date_sk - cs_sold_date_sk > 30
                and cs_ship_date_sk - cs_sold_date_sk <= 60 then 1
            else 0
        end
    ) as days_31_60,
    sum(
        case
            when cs_ship_date_sk - cs_sold_date_sk > 60
                and cs_ship_date_sk - cs_sold_date_sk <= 90 then 1
            else 0
        end
    ) as days_61_90,
    sum(
        case
            when cs_ship_date_sk - cs_sold_date_sk > 90
                and cs_ship_date_sk - cs_sold_date_sk <= 120 then 1
            else 0
        end
    ) as days_91_120,
    sum(case when cs_ship_date_sk - cs_sold_date_sk > 120 then 1 else 0 end) as days_over_120
from catalog_sales
join warehouse on cs_warehouse_sk = w_warehouse_sk
join ship_mode on cs_ship_mode_sk = sm_ship_mode_sk
join call_center on cs_call_center_sk = cc_call_center_sk
join date_dim on cs_ship_date_sk = d_date_sk
where d_month_seq between {DMS} and {DMS} + 11
group by substr(w_warehouse_name, 1, 20), sm_type, cc_name
order by substr(w_warehouse_name, 1, 20) nulls first, sm_type nulls first, cc_name nulls first
limit 100
