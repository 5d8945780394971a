--! title = "Customers of all three channels on one day"
--! question = "How often did a customer name buy in a store, by catalog and by web on the same day within twelve months?"
--! param.DMS = { default = 1200, int = [1176, 1224] }
--! deviations = ["the count, unnamed in the definition, is called hot_customer_days"]

select count(*) as hot_customer_days
from (
    select distinct
        c_last_name,
        c_first_name,
        d_date
    from store_sales
    join date_dim on ss_sold_date_sk = d_date_sk
    join customer on ss_customer_sk = c_customer_sk
    where d_month_seq between {DMS} and {DMS} + 11
    intersect
    select distinct
        c_last_name,
        c_first_name,
        d_date
    from catalog_sales
    join date_dim on cs_sold_date_sk = d_date_sk
    join customer on cs_bill_customer_sk = c_customer_sk
    where d_month_seq between {DMS} and {DMS} + 11
    intersect
    select distinct
        c_last_name,
        c_first_name,
        d_date
    from web_sales
    join date_dim on ws_sold_date_sk = d_date_sk
    join customer on ws_bill_customer_sk = c_customer_sk
    where d_month_seq between {DMS} and {DMS} + 11
) as hot_customers
limit 100
