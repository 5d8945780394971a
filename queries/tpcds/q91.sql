--! title = "Net loss of returns per call center in a month"
--! question = "How much did each call center lose in a month by catalog returns of customers of two demographics, one buying potential and one time zone?"
--! param.BUY_POTENTIAL = { default = "Unknown", text = "buy_potential" }
--! param.GMT = { default = -7, int = [-7, -6] }
--! param.MONTH = { default = 11, int = [11, 12] }
--! param.YEAR = { default = 1998, int = [1998, 2002] }

select
    cc_call_center_id as call_center,
    cc_name as call_center_name,
    cc_manager as manager,
    sum(cr_net_loss) as returns_loss
from call_center
join catalog_returns on cc_call_center_sk = cr_call_center_sk
join date_dim on cr_returned_date_sk = d_date_sk
join customer on cr_returning_customer_sk = c_customer_sk
join customer_address on c_current_addr_sk = ca_address_sk
join customer_demographics on c_current_cdemo_sk = cd_demo_sk
join household_demographics on c_current_hdemo_sk = hd_demo_sk
where d_year = {YEAR}
    and d_moy = {MONTH}
    and (
        (cd_marital_status = 'M' and cd_education_status = 'Unknown')
        or (cd_marital_status = 'W' and cd_education_status = 'Advanced Degree')
    )
    and hd_buy_potential like ({BUY_POTENTIAL} || '%')
    and ca_gmt_offset = {GMT}
-- the demographics group too: a call center has a row for each of the two
group by cc_call_center_id, cc_name, cc_manager, cd_marital_status, cd_education_status
order by sum(cr_net_loss) desc nulls last
