--! title = "Best customers' month of buying frequent items"
--! question = "Which of the best store customers bought how much in one month, by catalog and by web, of items that sell often on a single day in stores?"
--! param.MONTH = { default = 2, int = [1, 7] }
--! # the qualification value is 50, the template itself always draws 95
--! param.TOPPERCENT = { default = 50, int = [95, 95] }
--! param.YEAR = { default = 2000, int = [1998, 2000] }

with frequent_items as (
    select
        substr(i_item_desc, 1, 30) as item_desc,
        i_item_sk as item_sk,
        d_date as sold_date,
        count(*) as sale_count
    from store_sales
    join date_dim on ss_sold_date_sk = d_date_sk
    join item on ss_item_sk = i_item_sk
    where d_year in ({YEAR}, {YEAR} + 1, {YEAR} + 2, {YEAR} + 3)
    group by substr(i_item_desc, 1, 30), i_item_sk, d_date
    having count(*) > 4
),
highest_spending as (
    select max(spending) as max_spending
    from (
        select
            c_customer_sk,
            sum(ss_quantity * ss_sales_price) as spending
        from store_sales
        join customer on ss_customer_sk = c_customer_sk
        join date_dim on ss_sold_date_sk = d_date_sk
        where d_year in ({YEAR}, {YEAR} + 1, {YEAR} + 2, {YEAR} + 3)
        group by c_customer_sk
    ) as customer_spending
),
-- unlike the highest spending, a customer's own is of all years
best_customers as (
    select
        c_customer_sk,
        sum(ss_quantity * ss_sales_price) as spending
    from store_sales
    join customer on ss_customer_sk = c_customer_sk
    group by c_customer_sk
    having sum(ss_quantity * ss_sales_price)
        > ({TOPPERCENT} / 100.0) * (select max_spending from highest_spending)
)
-- people of the same name are one row, and one of catalog and one of web stay two
select
    c_last_name,
    c_first_name,
    sales
from (
    select
        c_last_name,
        c_first_name,
        sum(cs_quantity * cs_list_price) as sales
    from catalog_sales
    join customer on cs_bill_customer_sk = c_customer_sk
    join date_dim on cs_sold_date_sk = d_date_sk
    where d_year = {YEAR}
        and d_moy = {MONTH}
        and cs_item_sk in (select item_sk from frequent_items)
        and cs_bill_customer_sk in (select c_customer_sk from best_customers)
    group by c_last_name, c_first_name
    union all
    select
        c_last_name,
        c_first_name,
        sum(ws_quantity * ws_list_price) as sales
    from web_sales
    join customer on ws_bill_customer_sk = c_customer_sk
    join date_dim on ws_sold_date_sk = d_date_sk
    where d_year = {YEAR}
        and d_moy = {MONTH}
        and ws_item_sk in (select item_sk from frequent_items)
        and ws_bill_customer_sk in (select c_customer_sk from best_customers)
    group by c_last_name, c_first_name
) as month_sales
order by c_last_name nulls first, c_first_name nulls first, sales nulls first
limit 100
