--! title = "Days until the return by store"
--! question = "How many items returned to each store in a month came back within 30, 60, 90, 120 or more days after the sale?"
--! param.MONTH = { default = 8, int = [8, 10] }
--! param.YEAR = { default = 2001, int = [1998, 2002] }
--! deviations = ["the five counts have plain identifiers (days_30) instead of quoted ones ('30 days')"]

select
    s_store_name,
    s_company_id,
    s_street_number,
    s_street_name,
    s_street_type,
    s_suite_number,
    s_city,
    s_county,
    s_state,
    s_zip,
    sum(case when sr_returned_date_sk - ss_sold_date_sk <= 30 then 1 else 0 end) as days_30,
    sum(
        case
            when sr_returned_date_sk - ss_sold_date_sk > 30
                and sr_returned_date_sk - ss_sold_date_sk <= 60 then 1
            else 0
        end
    ) as days_31_60,
    sum(
        case
            when sr_returned_date_sk - ss_sold_date_sk > 60
                and sr_returned_date_sk - ss_sold_date_sk <= 90 then 1
            else 0
        end
    ) as days_61_90,
    sum(
        case
            when sr_returned_date_sk - ss_sold_date_sk > 90
                and sr_returned_date_sk - ss_sold_date_sk <= 120 then 1
            else 0
        end
    ) as days_91_120,
    sum(case when sr_returned_date_sk - ss_sold_date_sk > 120 then 1 else 0 end) as days_over_120
from store_sales
join store_returns
    on ss_ticket_number = sr_ticket_number
    and ss_item_sk = sr_item_sk
    and ss_customer_sk = sr_customer_sk
join store on ss_store_sk = s_store_sk
-- sold has no filter: it only drops sales without a date
join date_dim as sold on ss_sold_date_sk = sold.d_date_sk
join date_dim as returned on sr_returned_date_sk = returned.d_date_sk
where returned.d_year = {YEAR}
    and returned.d_moy = {MONTH}
group by
    s_store_name,
    s_company_id,
    s_street_number,
    s_street_name,
    s_street_type,
    s_suite_number,
    s_city,
    s_county,
    s_state,
    s_zip
order by
    s_store_name nulls first,
    s_company_id nulls first,
    s_street_number nulls first,
    s_street_name nulls first,
    s_street_type nulls first,
    s_suite_number nulls first,
    s_city nulls first,
    s_county nulls first,
    s_state nulls first,
    s_zip nulls first
limit 100
