--! title = "Customers who bought in stores only, day by day"
--! question = "How many pairs of a customer name and a day are there with a store purchase and neither a catalog nor a web purchase in twelve months?"
--! param.DMS = { default = 1200, int = [1176, 1224] }
--! deviations = ["the count, unnamed in the definition, is called store_only_count"]

select count(*) as store_only_count
from (
    select distinct
        c_last_name,
        c_first_name,
        d_date
    from store_sales
    join date_dim on ss_sold_date_sk = d_date_sk
    join customer on ss_customer_sk = c_customer_sk
    where d_month_seq between {DMS} and {DMS} + 11
    except
    select distinct
        c_last_name,
        c_first_name,
        d_date
    from catalog_sales
    join date_dim on cs_sold_date_sk = d_date_sk
    join customer on cs_bill_customer_sk = c_customer_sk
    where d_month_seq between {DMS} and {DMS} + 11
    except
    select distinct
        c_last_name,
        c_first_name,
        d_date
    from web_sales
    join date_dim on ws_sold_date_sk = d_date_sk
    join customer on ws_bill_customer_sk = c_customer_sk
    where d_month_seq between {DMS} and {DMS} + 11
) as store_only
