--! title = "Store revenue of items and their share of the class"
--! question = "What was the store revenue of each item of three categories in 30 days, and what share of its class's revenue was it?"
--! param.CATEGORY = { default = ["Sports", "Books", "Home"], count = 3, text = "categories" }
--! param.SDATE = { default = "1999-02-22", date = ["{YEAR}-01-01", "{YEAR}-07-01"] }
--! param.YEAR = { default = 1999, int = [1998, 2002] }

select
    i_item_id,
    i_item_desc,
    i_category,
    i_class,
    i_current_price,
    sum(ss_ext_sales_price) as itemrevenue,
    sum(ss_ext_sales_price) * 100
        / sum(sum(ss_ext_sales_price)) over (partition by i_class) as revenueratio
from store_sales
join item on ss_item_sk = i_item_sk
join date_dim on ss_sold_date_sk = d_date_sk
where i_category in ({CATEGORY})
    and d_date between {SDATE} and {SDATE} + interval '30' day
group by i_item_id, i_item_desc, i_category, i_class, i_current_price
order by
    i_category,
    i_class nulls first,
    i_item_id,
    i_item_desc nulls first,
    revenueratio nulls first
